package io.skerry.api;

import java.time.Instant;

/**
 * What the trigger last said of an incident.
 *
 * @param decision START, PROPOSE or WAIT
 */
public record RetrainingProposal(
    String incident, String decision, String reason, Instant decidedAt) {}
