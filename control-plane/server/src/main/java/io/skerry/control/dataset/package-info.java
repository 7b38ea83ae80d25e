/**
 * Training data: batches as they were given, checked row by row, kept as Parquet, and frozen into
 * snapshots whose digest names their content.
 *
 * <p>A device is in one split of a snapshot, never in two: windows of one machine overlap, so a
 * split by row would let a model be judged on what it has seen. Everything that decides (reading,
 * splitting, cutting windows, digests) is free of I/O and of the container; start at {@link
 * io.skerry.control.dataset.DatasetCsv} and {@link io.skerry.control.dataset.SnapshotContent}.
 */
@NullMarked
package io.skerry.control.dataset;

import org.jspecify.annotations.NullMarked;
