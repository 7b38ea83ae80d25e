package io.skerry.control.rollout;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.RolloutId;

/**
 * A gate has paused a rollout, or keeps one that has succeeded from being offered to those who are
 * late, and it waits for a person now; told inside the transaction that stores it, so that what is
 * kept of it is kept with it.
 *
 * @param stage whose gate it was, from 0
 * @param reason what the gates say
 */
public record RolloutPaused(Transaction transaction, RolloutId rollout, int stage, String reason) {}
