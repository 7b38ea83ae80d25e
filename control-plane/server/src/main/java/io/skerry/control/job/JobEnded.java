package io.skerry.control.job;

/**
 * Published once for each job when its final state is stored; {@link JobView#state} tells which.
 * Listeners run on the job's own thread, in no transaction.
 */
public record JobEnded(JobView job) {}
