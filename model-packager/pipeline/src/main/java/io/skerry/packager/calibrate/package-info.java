/**
 * What values each tensor of a model takes on calibration data.
 *
 * <p>Start at {@link Calibrator}.
 */
@NullMarked
package io.skerry.packager.calibrate;

import org.jspecify.annotations.NullMarked;
