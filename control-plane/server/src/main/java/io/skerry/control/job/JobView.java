package io.skerry.control.job;

import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobProgress;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A job as it stands.
 *
 * @param subject what it is about, for people: {@code engine-health@2}
 * @param folder its job folder
 */
public record JobView(
    String id,
    String kind,
    String subject,
    JobState state,
    Path folder,
    Instant createdAt,
    @Nullable Instant finishedAt,
    @Nullable JobProgress progress,
    @Nullable JobError error) {}
