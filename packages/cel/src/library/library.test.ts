// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createEnvironment } from '../index.ts';

const environment = createEnvironment({});

function evaluate(expression: string): unknown {
  const compiled = compile(expression, environment, { result: 'dyn' });
  if (!compiled.ok) return JSON.stringify(compiled.problems);
  const result = compiled.program.evaluate({});
  return result.ok ? result.value : `error: ${result.error.message}`;
}

/** Each expression is true. The groups are the libraries of Kubernetes. */
const TRUE: Readonly<Record<string, readonly string[]>> = {
  quantity: [
    "isQuantity('1.3G') && isQuantity('1.3Gi') && isQuantity('10000k') && isQuantity('-1e3')",
    "!isQuantity('1,3G') && !isQuantity('200K') && !isQuantity('Three') && !isQuantity('Mi')",
    "quantity('50000000G').isInteger() && quantity('50k').isInteger()",
    "!quantity('9999999999999999999999999999999999999G').isInteger()",
    "quantity('50k').asInteger() == 50000",
    "quantity('50k').sub(20000).asApproximateFloat() == 30000.0",
    "quantity('50k').add(quantity('20k')) == quantity('70k')",
    "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
    "quantity('200M').compareTo(quantity('0.2G')) == 0",
    "quantity('50M').compareTo(quantity('50Mi')) == -1 && quantity('50Mi').compareTo(quantity('50M')) == 1",
    "quantity('500m').sign() == 1 && quantity('-1').sign() == -1 && quantity('0').sign() == 0",
    "quantity('100m').isLessThan(quantity('0.2')) && quantity('1Gi').isGreaterThan(quantity('1G'))",
    "quantity('1Ki') != quantity('1k') && quantity('1000m') == quantity('1')",
  ],
  ip: [
    "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP('::ffff:1.2.3.4')",
    "!isIP('fe80::1%eth0') && !isIP('01.2.3.4') && !isIP('1::2::3') && !isIP('')",
    "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6",
    "ip.isCanonical('127.0.0.1') && !ip.isCanonical('0:0::1') && ip.isCanonical('2001:db8::abcd')",
    "ip('0.0.0.0').isUnspecified() && ip('127.0.0.1').isLoopback() && !ip('10.0.0.1').isLoopback()",
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('169.254.169.254').isLinkLocalUnicast()",
    "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
    "ip('2001:db8::abcd').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
    "string(ip('2001:DB8:0:0:1:0:0:1')) == '2001:db8::1:0:0:1' && ip('::1') == ip('0:0:0:0:0:0:0:1')",
    "string(ip('::')) == '::' && string(ip('1::')) == '1::' && string(ip('::1')) == '::1'",
  ],
  cidr: [
    "isCIDR('192.168.0.0/24') && !isCIDR('192.168.0.0/33') && isCIDR('::1/128') && !isCIDR('1.2.3.4')",
    "cidr('192.168.0.0/24').containsIP(ip('192.168.0.1')) && !cidr('192.168.0.0/24').containsIP('192.168.1.1')",
    "cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/25')) && !cidr('192.168.0.0/24').containsCIDR('192.168.0.0/23')",
    "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24')",
    "cidr('192.168.0.0/24').prefixLength() == 24 && string(cidr('::1/64').masked()) == '::/64'",
  ],
  url: [
    "isURL('https://example.com:80/path') && isURL('/absolute-path') && !isURL('https://a:b:c/') && !isURL('../relative-path')",
    "url('https://example.com:80/').getHost() == 'example.com:80' && url('https://[::1]:80/').getHostname() == '::1'",
    "url('https://user:pw@example.com/a b').getEscapedPath() == '/a%20b'",
    "url('https://example.com:80/').getPort() == '80' && url('/path').getScheme() == ''",
    "url('https://example.com/?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
    "url('https://example.com/path?k=a%20b').getQuery()['k'] == ['a b']",
  ],
  semver: [
    "isSemver('1.0.0') && !isSemver('v1.0') && !isSemver('01.0.0') && isSemver('1.0.0-rc.1+b')",
    "isSemver('v1.0', true) && semver('v01.01', true) == semver('1.1.0') && isSemver('1', true)",
    "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('2.0.0').isGreaterThan(semver('1.99.99'))",
    "semver('1.2.3-alpha').isLessThan(semver('1.2.3')) && semver('1.0.0-rc.2').compareTo(semver('1.0.0-rc.10')) == -1",
  ],
  format: [
    "!format.dns1123Label().validate('my-label-name').hasValue() && format.dns1123Label().validate('My').hasValue()",
    "!format.dns1123Subdomain().validate('apiextensions.k8s.io').hasValue()",
    "!format.qualifiedName().validate('apiextensions.k8s.io/v1beta1').hasValue() && format.qualifiedName().validate('a/b/c').hasValue()",
    "!format.dns1123LabelPrefix().validate('my-label-prefix-').hasValue()",
    "!format.labelValue().validate('').hasValue() && format.labelValue().validate('-a').hasValue()",
    "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() && !format.byte().validate('aGVsbG8=').hasValue()",
    "!format.date().validate('2021-01-01').hasValue() && format.date().validate('2021-02-30').hasValue()",
    "!format.datetime().validate('2021-01-01T00:00:00Z').hasValue() && !format.uri().validate('http://example.com').hasValue()",
    "format.named('uuid').hasValue() && !format.named('nothing').hasValue()",
    "format.dns1123Label().validate('A').value().size() == 1",
  ],
  lists: [
    "[1, 2, 3].isSorted() && ['a', 'b', 'b', 'c'].isSorted() && ![2.0, 1.0].isSorted() && [].isSorted()",
    '[1, 3].sum() == 4 && [1.5, 2.5].sum() == 4.0 && [].sum() == 0',
    "[duration('1m'), duration('1s')].sum() == duration('61s')",
    "[1, 3].min() == 1 && [1, 3].max() == 3 && ['b', 'a'].min() == 'a'",
    '[1, 2, 2, 3].indexOf(2) == 1 && [1, 2, 2, 3].lastIndexOf(2) == 2 && [1].indexOf(5) == -1',
    '[1, 2, 3].slice(1, 3) == [2, 3] && [1, 2, 1].distinct() == [1, 2] && [3, 1, 2].sort() == [1, 2, 3]',
    '[1, 2].reverse() == [2, 1] && [[1], [2]].flatten() == [1, 2] && lists.range(3) == [0, 1, 2]',
  ],
  sets: [
    'sets.contains([1, 2, 3], [2]) && !sets.contains([1], [2]) && sets.contains([], [])',
    'sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], []) && sets.equivalent([1, 1], [1])',
  ],
  regex: [
    "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('[0-9]+') == ''",
    "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
    "'foobar'.matches('o+b') && !'foobar'.matches('^o') && matches('é', '^.$')",
  ],
  'two-variable comprehensions': [
    "{'a': 1, 'b': 2}.all(k, v, v > 0) && [1, 2].exists(i, v, i == v - 1) && [1, 2].existsOne(i, v, v == 2)",
    '[1, 2].transformList(i, v, i * v) == [0, 2] && [1, 2].transformList(i, v, v > 1, v) == [2]',
    "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2} && {'a': 1, 'b': 2}.transformMap(k, v, v > 1, v) == {'b': 2}",
  ],
  optionals: [
    "{'a': {'b': 1}}.?a.?b.orValue(0) == 1 && {'a': 1}[?'b'].orValue(2) == 2",
    'optional.of(1).optMap(x, x + 1).value() == 2 && !optional.none().hasValue()',
    "optional.ofNonZeroValue('').or(optional.of('x')).value() == 'x' && optional.of(1) == optional.of(1)",
  ],
};

for (const [name, expressions] of Object.entries(TRUE)) {
  test(`the library ${name} does what Kubernetes' documentation says`, () => {
    for (const expression of expressions) assert.equal(evaluate(expression), true, expression);
  });
}

test('a function that cannot take its argument ends with an error that says why', () => {
  for (const [expression, message] of [
    ["quantity('9E').add(quantity('9E')).asInteger()", 'error: cannot convert value to integer'],
    ["ip('x')", 'error: "x" is not a valid IP address'],
    ['[].min()', 'error: min called on empty list'],
    ["duration('300000h').getHours() + duration('9999999h').getHours()", 'error: integer overflow'],
    ["'abc'.substring(2, 1)", 'error: invalid substring range: 2 to 1'],
    ["timestamp('2026-02-30T00:00:00Z')", 'error: "2026-02-30T00:00:00Z" is not a valid timestamp'],
    ["'%d'.format(['a'])", 'error: %d needs an integer'],
    ['int(1e30)', 'error: integer overflow'],
    ['-(-9223372036854775807 - 1)', 'error: integer overflow'],
  ] as const) {
    assert.equal(evaluate(expression), message, expression);
  }
});
