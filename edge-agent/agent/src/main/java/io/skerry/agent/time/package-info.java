/**
 * What time it is, on a machine whose own clock may be wrong.
 *
 * <p>Start at {@link io.skerry.agent.time.DeviceClock}.
 */
@NullMarked
package io.skerry.agent.time;

import org.jspecify.annotations.NullMarked;
