/**
 * A real agent in a process of its own, on a disk, with a clock and with engines that can be made
 * to fail from outside. Start at {@link FaultyAgentMain}.
 */
@NullMarked
package io.skerry.e2e.device;

import org.jspecify.annotations.NullMarked;
