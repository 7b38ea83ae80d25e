package io.skerry.agent.trace;

/**
 * What became of traced calls since the agent started.
 *
 * @param exported calls that the collector took
 * @param dropped calls that found the queue full
 * @param failed calls that the collector refused, or did not take in several tries
 */
public record TraceStatistics(long exported, long dropped, long failed) {}
