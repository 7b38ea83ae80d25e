/**
 * Decisions about single devices: whether an identity was copied.
 *
 * <p>Start at {@link io.skerry.fleet.device.CloneMachine}.
 */
@NullMarked
package io.skerry.fleet.device;

import org.jspecify.annotations.NullMarked;
