/** Numeric arrays in files, as NumPy writes them. Start at {@link NpyArray}. */
@NullMarked
package io.skerry.artifact.npy;

import org.jspecify.annotations.NullMarked;
