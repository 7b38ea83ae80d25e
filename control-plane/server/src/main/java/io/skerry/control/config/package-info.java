/**
 * Configuration files to records: typed units, kebab-case keys, unknown keys refused with a
 * suggestion, every mistake told at once.
 *
 * <p>Start at {@link io.skerry.control.config.ConfigFile}.
 */
@NullMarked
package io.skerry.control.config;

import org.jspecify.annotations.NullMarked;
