/**
 * Key folders: where the keys of the roles lie as files, which of them a server needs, and the
 * ceremonies that make and rotate them. Start at {@link KeyFolder}.
 */
@NullMarked
package io.skerry.artifact.keys;

import org.jspecify.annotations.NullMarked;
