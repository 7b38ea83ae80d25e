/**
 * {@code skerry bench agent}: what the agent adds to the engine, in time and in memory, with the
 * shipped image. Start at {@link AgentBench}.
 */
@NullMarked
package io.skerry.bench.agent;

import org.jspecify.annotations.NullMarked;
