package io.skerry.runtime;

/**
 * What one node of a model's graph took.
 *
 * @param node its name in the graph that the engine really runs
 * @param operator for example {@code Conv}
 * @param nanos over all runs
 */
public record OperatorTime(String node, String operator, long nanos) {}
