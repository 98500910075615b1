import type { Friend } from '@carillon/client';

/** A status by shape as well as by colour: full, crescent, barred, hollow, dashed. */
export function StatusMark({ status }: { readonly status: Friend['status'] | 'Invisible' }) {
  return (
    <svg class="status-mark" data-status={status} viewBox="0 0 12 12" aria-hidden="true">
      {status === 'Online' && <circle class="filled" cx="6" cy="6" r="5" />}
      {status === 'Away' && <path class="filled" d="M10.8 7.6A5 5 0 1 1 4.4 1.2a4 4 0 0 0 6.4 6.4z" />}
      {status === 'Busy' && (
        <>
          <circle class="filled" cx="6" cy="6" r="5" />
          <path class="bar" d="M3.5 6h5" />
        </>
      )}
      {status === 'Offline' && <circle cx="6" cy="6" r="4" />}
      {status === 'Invisible' && <circle cx="6" cy="6" r="4" stroke-dasharray="2.1 2.09" />}
    </svg>
  );
}
