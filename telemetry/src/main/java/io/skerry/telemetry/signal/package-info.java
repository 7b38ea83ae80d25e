/**
 * Inputs that are an image or a sound as a whole, and the few numbers that are watched of them.
 *
 * <p>Pure; devices and the packager measure with the same code. Start at {@link Signal}; {@link
 * Scalar} has the formulas.
 */
@NullMarked
package io.skerry.telemetry.signal;

import org.jspecify.annotations.NullMarked;
