/**
 * The demo: the whole loop as separate processes on loopback, from sensor data to a healthy fleet.
 *
 * <p>Start at {@link Demo}, which goes through the steps in their order.
 */
@NullMarked
package io.skerry.simulator.demo;

import org.jspecify.annotations.NullMarked;
