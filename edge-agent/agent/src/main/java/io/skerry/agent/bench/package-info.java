/**
 * Measures the agent from outside: a client, an agent's process, and what the kernel tells of it.
 *
 * <p>Start at {@link AgentProcess} and {@link AgentClient}.
 */
@NullMarked
package io.skerry.agent.bench;

import org.jspecify.annotations.NullMarked;
