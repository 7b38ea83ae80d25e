package io.skerry.control.rollout;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.RolloutId;

/**
 * Published when devices could not go back from what was rolled back and are not ordered to any
 * more: they have tried in vain, or nobody follows the rollout from now on. It is told inside the
 * transaction that stores that.
 *
 * @param devices so many: of the rollout all that have tried in vain, or those that were to try
 *     again
 */
public record RolloutNotRestored(Transaction transaction, RolloutId rollout, int devices) {}
