/**
 * The API over HTTP, for the command line and other programs.
 *
 * <p>Start at {@link SkerryClient}.
 */
@NullMarked
package io.skerry.api.client;

import org.jspecify.annotations.NullMarked;
