/**
 * Rollouts: which devices get a version, stage by stage, and what stops them.
 *
 * <p>{@code fleet.rollout} and {@code fleet.gate} decide. This follows the devices and counts, in
 * the transactions that store what they send ({@code DeviceFollower}, {@code Arms}), and carries
 * orders out, the step and its orders in one transaction ({@link SqlBooks}). Start at {@link
 * Rollouts} and {@code RolloutEngine}.
 */
@NullMarked
package io.skerry.control.rollout;

import org.jspecify.annotations.NullMarked;
