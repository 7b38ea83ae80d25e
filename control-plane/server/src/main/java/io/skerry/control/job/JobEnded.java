package io.skerry.control.job;

/**
 * Published for each job when its final state is stored; {@link JobView#state} tells which.
 * Listeners run on the job's own thread, in no transaction. It comes again until no listener
 * throws, so one that has taken it in must let it pass.
 */
public record JobEnded(JobView job) {}
