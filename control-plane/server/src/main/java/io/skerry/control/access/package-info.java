/**
 * Who may call what: users with roles, tokens stored as hashes, and the filter that lets nobody
 * through whom an endpoint does not name.
 *
 * <p>Endpoints carry {@link io.skerry.control.access.Allowed} or {@link
 * io.skerry.control.access.Open}; an endpoint with neither answers nobody.
 */
@NullMarked
package io.skerry.control.access;

import org.jspecify.annotations.NullMarked;
