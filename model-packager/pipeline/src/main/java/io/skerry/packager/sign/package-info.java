/**
 * From a chosen model file to a signed artifact: golden inputs, monitoring baseline, measurements.
 *
 * <p>Start at {@link VariantWriter}.
 */
@NullMarked
package io.skerry.packager.sign;

import org.jspecify.annotations.NullMarked;
