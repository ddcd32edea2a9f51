/** The model card's plots, as SVG written by hand: a picture of points needs no library. */
import type { Evaluation } from './evaluation.ts';
import { predictorOf } from './report.ts';

const SIZE = 360;
const MARGIN = 52;

/** File name -> SVG. */
export function plots(evaluation: Evaluation): ReadonlyMap<string, string> {
  return new Map([
    ['reliability.svg', reliability(evaluation)],
    ['operating-points.svg', operatingPoints(evaluation)],
  ]);
}

function reliability(evaluation: Evaluation): string {
  const bins = predictorOf(evaluation).rows.all.reliability.filter(({ rows }) => rows > 0);
  const most = Math.max(...bins.map(({ rows }) => rows));
  const marks = bins.map(({ meanRisk, failed, rows }) => {
    const radius = 3 + 7 * Math.sqrt(rows / most);
    return `<circle cx="${x(meanRisk)}" cy="${y(failed)}" r="${radius.toFixed(1)}" fill="#1f6feb" fill-opacity="0.7"><title>${rows} rows: said ${meanRisk.toFixed(3)}, came ${failed.toFixed(3)}</title></circle>`;
  });
  const line = `<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke="#999" stroke-dasharray="4"/>`;
  return frame(
    'Reliability of RISK',
    'mean RISK said (dots: as many rows as large)',
    'part that failed',
    [line, ...marks],
    ['0', '0.5', '1'],
  );
}

function operatingPoints({ curve, threshold }: Evaluation): string {
  const most = Math.max(...curve.map(({ falseAlarms }) => falseAlarms), 1);
  const at = (point: (typeof curve)[0]): [string, string] => [x(point.falseAlarms / most), y(point.recall)];
  const path = curve.map((point, i) => `${i === 0 ? 'M' : 'L'}${at(point).join(' ')}`).join('');
  const chosen = curve.find((point) => point.threshold === threshold);
  const dot =
    chosen === undefined
      ? ''
      : `<circle cx="${at(chosen)[0]}" cy="${at(chosen)[1]}" r="6" fill="#d1242f"><title>RISK from ${threshold}</title></circle>`;
  return frame(
    'Operating points (red: the one in use)',
    'false alarms on kinds that never fail',
    'onsets found',
    [`<path d="${path}" fill="none" stroke="#1f6feb" stroke-width="2"/>`, dot],
    ['0', String(Math.round(most / 2)), String(most)],
  );
}

function x(share: number): string {
  return (MARGIN + share * SIZE).toFixed(1);
}

function y(share: number): string {
  return (MARGIN + (1 - share) * SIZE).toFixed(1);
}

/** Axes from 0 to 1, with `ticks` below. */
function frame(
  title: string,
  below: string,
  beside: string,
  marks: readonly string[],
  ticks: readonly [string, string, string],
): string {
  const whole = SIZE + 2 * MARGIN;
  const text = (px: string, py: string, content: string, more = ''): string =>
    `<text x="${px}" y="${py}" font-size="13" text-anchor="middle" ${more}>${content}</text>`;
  const bottom = (whole - MARGIN + 18).toFixed(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole} ${whole}" font-family="sans-serif">
<rect width="${whole}" height="${whole}" fill="white"/>
<rect x="${x(0)}" y="${y(1)}" width="${SIZE}" height="${SIZE}" fill="none" stroke="#333"/>
${[0, 0.5, 1].map((share, i) => text(x(share), bottom, ticks[i] ?? '')).join('\n')}
${[0, 0.5, 1].map((share) => text((MARGIN - 16).toFixed(1), y(share), String(share))).join('\n')}
${text(x(0.5), (MARGIN - 18).toFixed(1), title, 'font-weight="bold"')}
${text(x(0.5), (whole - 10).toFixed(1), below)}
${text('14', y(0.5), beside, `transform="rotate(-90 14 ${y(0.5)})"`)}
${marks.join('\n')}
</svg>
`;
}
