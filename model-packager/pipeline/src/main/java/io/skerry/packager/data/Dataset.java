package io.skerry.packager.data;

import io.skerry.artifact.npy.NpyArray;
import java.util.Optional;

/**
 * Items of a model.
 *
 * @param labels what each item is, shape [items] or [items, ...]; absent where the data does not
 *     tell
 */
public record Dataset(Samples samples, Optional<NpyArray> labels) {}
