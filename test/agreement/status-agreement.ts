/**
 * npm run status-agreement -- RECORDING…: prints how often NOW is the STATUS that kubectl printed, as a table of both
 * with the causes of their differences; the last line is JSON.
 */
import { causeOf, comparePolls, sharesOf, type Pair } from './agreement.ts';

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error(
    'usage: npm run status-agreement -- RECORDING…   (a folder with tsdb.tar.gz or .xz, and status.jsonl.gz)',
  );
  process.exit(2);
}
const pairs: Pair[] = [];
let untold = 0;
for (const folder of folders) {
  const own = await comparePolls(folder, (done, polls) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${folder}: poll ${done} of ${polls} `);
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  for (const pair of own.pairs) pairs.push(pair);
  untold += own.untold;
}
reportTable();
reportCauses();
const { pairs: count, ...shares } = sharesOf(pairs);
console.log(
  JSON.stringify({
    pairs: count,
    ...Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, Math.round(share * 1e6) / 1e6])),
    untold,
  }),
);

function reportTable(): void {
  const cells = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const key = `${pair.kubectl.padEnd(28)} ${pair.kpfd.padEnd(28)}`;
    const cell = cells.get(key) ?? [];
    cell.push(pair);
    cells.set(key, cell);
  }
  console.log(
    `${'kubectl printed'.padEnd(28)} ${'kpfd said'.padEnd(28)}   pairs  outside windows  not at scrape  causes`,
  );
  for (const [key, cell] of [...cells].sort(([, a], [, b]) => b.length - a.length)) {
    const outside = cell.filter((pair) => pair.outsideWindows && pair.kubectl !== pair.kpfd).length;
    const atScrape = cell.filter((pair) => !pair.equalAtScrape);
    const causes = [...new Set(cell.map(causeOf))].filter((cause) => cause !== undefined).join(', ');
    const example = atScrape[0] === undefined ? '' : `, e.g. ${atScrape[0].pod} at ${atScrape[0].unixSeconds}`;
    console.log(
      `${key} ${String(cell.length).padStart(7)} ${String(outside).padStart(16)} ${String(atScrape.length).padStart(14)}  ${causes}${example}`,
    );
  }
}

function reportCauses(): void {
  const pairsOf = (cause: string): string => `${pairs.filter((pair) => causeOf(pair) === cause).length} pairs`;
  console.log(`
changed since the scrape:  ${pairsOf('changed since the scrape')}. kubectl printed what kpfd says at the scrape, and something else since.
changed around the scrape: ${pairsOf('changed around the scrape')}. The pod changed or restarted between the two polls around the scrape, through a
                           state that neither of them saw.
not explained:             ${pairsOf('not explained')}.
cannot be told:            ${untold} more pairs, in no share: there was no sample of kube-state-metrics.`);
}
