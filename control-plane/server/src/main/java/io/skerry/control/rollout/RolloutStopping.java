package io.skerry.control.rollout;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.RolloutId;

/**
 * A gate has found harm for which a rollout is aborted or rolled back, which takes as long as its
 * devices do; told inside the transaction that stores it.
 *
 * @param phase ABORTING or ROLLING_BACK
 * @param reason what the gates say
 */
public record RolloutStopping(
    Transaction transaction, RolloutId rollout, String phase, String reason) {}
