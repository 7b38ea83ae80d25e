/**
 * Beans that a real control plane picks up when this module is on its class path: they give orders
 * without a rollout's waits and let its artifact server misbehave. Nothing else of it is changed.
 */
@NullMarked
package io.skerry.e2e.plane;

import org.jspecify.annotations.NullMarked;
