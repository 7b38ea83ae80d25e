package io.skerry.api;

/**
 * What became of outcomes.
 *
 * @param duplicates told before in the same words, and not counted again
 * @param joined outcomes, of this call or earlier ones, that were joined to their prediction now;
 *     the others are joined when their prediction's sample comes
 */
public record OutcomeReceipt(int told, int stored, int duplicates, int joined) {}
