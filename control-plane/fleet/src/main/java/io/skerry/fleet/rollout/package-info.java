/**
 * Staged rollouts: which devices get a version, stage by stage, and what stops a stage.
 *
 * <p>Pure: counts and verdicts in, set commands out. Start at {@link RolloutMachine}; one device's
 * part is {@link DeploymentMachine}, who is in which stage is {@link StageMembership}.
 */
@NullMarked
package io.skerry.fleet.rollout;

import org.jspecify.annotations.NullMarked;
