/**
 * Traces of calls for a collector that the operator names (OTLP over gRPC).
 *
 * <p>Off unless configured. A call only notes times; what it noted waits in a bounded queue for the
 * one thread that sends. Start at {@link Tracer}.
 */
@NullMarked
package io.skerry.agent.trace;

import org.jspecify.annotations.NullMarked;
