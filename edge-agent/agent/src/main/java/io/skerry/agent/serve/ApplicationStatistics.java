package io.skerry.agent.serve;

/**
 * What one application asked for since the agent started.
 *
 * @param name empty for whoever comes by an address without a name
 * @param answered calls that were
 * @param invalid calls that no agent could have answered
 * @param rejected calls that were refused for now: a full queue, a timeout, no memory
 * @param cancelled calls whose client had gone
 * @param failed calls that failed for a fault of ours or the model's
 * @param waiting calls that wait now
 */
public record ApplicationStatistics(
    String name,
    long answered,
    long invalid,
    long rejected,
    long cancelled,
    long failed,
    int waiting) {}
