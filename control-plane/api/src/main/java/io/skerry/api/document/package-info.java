/**
 * Requests that people write as YAML: read and checked the same by command line and console.
 *
 * <p>Start at {@link RequestDocument}.
 */
@NullMarked
package io.skerry.api.document;

import org.jspecify.annotations.NullMarked;
