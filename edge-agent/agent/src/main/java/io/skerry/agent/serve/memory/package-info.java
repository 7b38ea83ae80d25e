/**
 * Memory that clients share with the agent, so that large tensors need not travel.
 *
 * <p>Off unless configured. Start at {@link SharedMemory}.
 */
@NullMarked
package io.skerry.agent.serve.memory;

import org.jspecify.annotations.NullMarked;
