/**
 * Rollouts: which devices get a version, stage by stage, and what stops them.
 *
 * <p>{@code fleet.rollout} and {@code fleet.gate} decide; this counts, judges and carries out, the
 * step and its orders in one transaction. Start at {@link Rollouts} and {@link RolloutEngine}.
 */
@NullMarked
package io.skerry.control.rollout;

import org.jspecify.annotations.NullMarked;
