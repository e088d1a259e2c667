import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { customers, luhnDigit, orders } from './people.ts';

test('the demo has the same people on every machine', () => {
  const hash = createHash('sha256')
    .update(JSON.stringify([customers(), orders()]))
    .digest('hex');
  assert.equal(hash.slice(0, 16), 'ecf568391d941e32');
});

test('every card number passes the check that card numbers must pass', () => {
  for (const { card_number } of customers()) {
    const digits = card_number.replaceAll(' ', '');
    assert.equal(digits.length, 16);
    assert.equal(Number(digits.at(-1)), luhnDigit(digits.slice(0, -1)), card_number);
  }
  assert.equal(luhnDigit('411111111111111'), 1);
});

test('every social security number lies in the ranges that are given out', () => {
  for (const { ssn } of customers()) {
    assert.match(ssn, /^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/);
  }
});

test('every e-mail address is of one customer, in a domain that nobody owns', () => {
  const emails = customers().map(({ email }) => email);
  assert.equal(new Set(emails).size, emails.length);
  for (const email of emails) assert.match(email, /^[a-z]+\.[a-z]+\d+@(example\.(com|org|net)|mail\.example)$/);
});

test('every order belongs to a customer, and every customer has one', () => {
  const ids = new Set(customers().map(({ id }) => id));
  const ordering = new Set(orders().map(({ customer_id }) => customer_id));
  assert.deepEqual(
    [...ordering].sort((a, b) => a - b),
    [...ids],
  );
});
