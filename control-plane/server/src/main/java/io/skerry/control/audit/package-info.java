/**
 * Who did what, when and why: append-only rows, each chained to the one before by a hash.
 *
 * <p>Start at {@link io.skerry.control.audit.AuditLog}.
 */
@NullMarked
package io.skerry.control.audit;

import org.jspecify.annotations.NullMarked;
