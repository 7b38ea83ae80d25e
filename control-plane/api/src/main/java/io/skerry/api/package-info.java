/**
 * The control plane's API: request and response records, as JSON in camel case.
 *
 * <p>Lists come as {@link io.skerry.api.Page}, errors as {@link io.skerry.api.Problem}. The typed
 * client is in {@code client}.
 */
@NullMarked
package io.skerry.api;

import org.jspecify.annotations.NullMarked;
