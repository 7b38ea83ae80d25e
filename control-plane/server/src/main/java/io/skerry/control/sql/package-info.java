/**
 * Plain set-based SQL in explicit transactions.
 *
 * <p>Start at {@link io.skerry.control.sql.Database}.
 */
@NullMarked
package io.skerry.control.sql;

import org.jspecify.annotations.NullMarked;
