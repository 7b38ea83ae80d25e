/**
 * How good and how fast a model file is, by the device's own engines, and which one wins.
 *
 * <p>Start at {@link Bench} (figures of one file) and {@link Choice} (the decision).
 */
@NullMarked
package io.skerry.packager.measure;

import org.jspecify.annotations.NullMarked;
