/**
 * What agent, control plane and simulator agree on: ids, error codes, desired and reported
 * documents, generation and sequence rules, topics, and the codecs to the wire.
 *
 * <p>Start at {@link DesiredDocument} and {@link ReportedDocument}.
 */
@NullMarked
package io.skerry.protocol;

import org.jspecify.annotations.NullMarked;
