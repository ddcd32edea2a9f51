import { expect, test } from 'vitest';
import {
  mangledLabels,
  matchesLabels,
  parseLabelSelector,
  SelectorError,
} from '../../../src/core/signals/label-selector.ts';

const labels: Readonly<Record<string, string>> = {
  app: 'cart',
  tier: 'web',
  canary: '',
  'app.kubernetes.io/name': 'cart',
};

/** Kubernetes' rules: apimachinery's labels package. */
test.each([
  ['app=cart', true],
  ['app==cart', true],
  ['app = cart', true],
  ['app=mail', false],
  ['app!=mail', true],
  ['app!=cart', false],
  ['nothing!=x', true],
  ['app in (mail,cart)', true],
  ['app in (mail)', false],
  ['app notin (mail, news)', true],
  ['app notin (cart)', false],
  ['nothing notin (x)', true],
  ['nothing in (x)', false],
  ['app', true],
  ['nothing', false],
  ['!nothing', true],
  ['! app', false],
  ['app=cart,tier=web', true],
  ['app=cart,tier=db', false],
  ['app in (cart,mail),!nothing,tier', true],
  ['app.kubernetes.io/name=cart', true],
  ['inside', false],
  ['notin', false],
  ['', true],
])('%s selects the pod: %s', (text, matches) => {
  expect(matchesLabels(parseLabelSelector(text), (key) => labels[key])).toBe(matches);
});

test.each([
  'app in',
  'app in ()',
  'app in ()x',
  '=cart',
  'app=cart,',
  'a b',
  'app>1',
  'app=a=b',
  'app in (a',
  '-x',
  'app="x"',
])('%j is no selector', (text) => {
  expect(() => parseLabelSelector(text)).toThrow(SelectorError);
});

test('an empty value is one, as in kubectl', () => {
  expect(parseLabelSelector('app=')).toEqual([{ key: 'app', op: 'in', values: [''] }]);
});

/** kube-state-metrics, internal/store/utils.go: invalid characters become _, camelCase becomes snake_case. */
test.each([
  ['app', ['label_app']],
  ['app.kubernetes.io/name', ['label_app_kubernetes_io_name']],
  ['app.kubernetes.io/partOf', ['label_app_kubernetes_io_part_of', 'label_app_kubernetes_io_partOf']],
  ['pod-template-hash', ['label_pod_template_hash']],
])('the label %s is exported as %j', (key, names) => {
  expect(mangledLabels(key)).toEqual(names);
});
