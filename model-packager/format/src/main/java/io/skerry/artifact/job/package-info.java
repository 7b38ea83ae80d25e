/**
 * Job folders: how the control plane hands work to a process of its own and gets the result back.
 *
 * <p>The control plane writes a {@link JobFolder}; the process runs under {@link JobMain}.
 */
@NullMarked
package io.skerry.artifact.job;

import org.jspecify.annotations.NullMarked;
