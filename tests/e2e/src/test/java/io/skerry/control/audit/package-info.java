/** What tests need of the audit log that no other package sees. */
@NullMarked
package io.skerry.control.audit;

import org.jspecify.annotations.NullMarked;
