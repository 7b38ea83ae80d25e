/**
 * Long work in processes of its own: training and packaging run in a job folder with limits on time
 * and memory, so that a native crash costs one job and never the control plane.
 *
 * <p>Stands left of {@code dataset} in the line of features, though architecture.md's line does not
 * name it: it knows folders and processes only, and {@code training}, {@code packaging} and, later,
 * distributed preparation in {@code dataset} all run on it. What a job means it learns from nobody;
 * whoever asked for one hears {@link io.skerry.control.job.JobEnded}. Start at {@link
 * io.skerry.control.job.Jobs}.
 */
@NullMarked
package io.skerry.control.job;

import org.jspecify.annotations.NullMarked;
