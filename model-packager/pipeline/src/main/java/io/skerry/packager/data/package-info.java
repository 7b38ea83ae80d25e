/**
 * Inputs of a model and what they are, from the forms in which people keep them: NPY and NPZ, CSV,
 * Parquet, folders of images, raw tensors.
 *
 * <p>Start at {@link DataReader}.
 */
@NullMarked
package io.skerry.packager.data;

import org.jspecify.annotations.NullMarked;
