/**
 * The operator's command line: speaks to a running control plane by its API and holds no rule of
 * its own.
 *
 * <p>Data goes to standard output, everything else to standard error. Start at {@link
 * io.skerry.cli.Main}.
 */
@NullMarked
package io.skerry.cli;

import org.jspecify.annotations.NullMarked;
