/**
 * Artifacts' blobs by their digests: kept under {@code DATA/blobs/sha256/<hex>}, served with
 * ranges.
 *
 * <p>Start at {@link io.skerry.control.artifact.ArtifactStore}.
 */
@NullMarked
package io.skerry.control.artifact;

import org.jspecify.annotations.NullMarked;
