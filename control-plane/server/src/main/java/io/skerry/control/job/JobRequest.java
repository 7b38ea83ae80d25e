package io.skerry.control.job;

import io.skerry.control.sql.Transaction;
import java.util.function.BiConsumer;

/**
 * Asks for a job.
 *
 * @param kind jobs of one kind run one after the other
 * @param subject what it is about, for people
 * @param program what its process runs
 * @param limits what its process may use
 * @param preparation writes {@code job.yaml} and {@code input/}; runs when the job's turn comes, in
 *     the job's thread
 * @param record stores the asker's own row in the transaction that stores the job's
 */
public record JobRequest(
    String kind,
    String subject,
    JobProgram program,
    JobLimits limits,
    JobPreparation preparation,
    BiConsumer<Transaction, String> record) {}
