import { useSignal } from '@preact/signals';
import type { StudioSession } from '../session/studio-session.ts';
import { CommentsBox } from './comments-box.tsx';
import type { DocumentDesk, RoleChange } from './document-desk.ts';
import { EditorBox } from './editor-box.tsx';
import { HereList } from './here-list.tsx';
import type { Passage } from './passages.ts';
import { RolesBox } from './roles-box.tsx';
import { savedWord } from './saved-word.ts';
import { ROLES } from './role.ts';
import { VersionView } from './version-view.tsx';
import { VersionsBox } from './versions-box.tsx';

type ViewProps = { readonly desk: DocumentDesk; readonly session: StudioSession };

/** The document: who is here, the text, its versions, and what is said beside it. */
export function DocumentView({ desk, session }: ViewProps) {
  const passage = useSignal<Passage | null>(null);
  const shown = desk.versions.shown.value;
  return (
    <div class="doc">
      <div class="doc-main">
        <HereList desk={desk} session={session} />
        <State desk={desk} />
        <div hidden={shown !== null}>
          <EditorBox desk={desk} session={session} passage={passage} />
        </div>
        {shown !== null && <VersionView shown={shown} />}
        <VersionsBox desk={desk} session={session} />
      </div>
      <div class="doc-side">
        <CommentsBox desk={desk} session={session} passage={passage} />
        <RolesBox desk={desk} session={session} />
      </div>
    </div>
  );
}

/** What is not as it should be, and what to do about it. */
function State({ desk }: { readonly desk: DocumentDesk }) {
  const { state, why } = savedWord(desk.info.value, desk.isSlow.value);
  const change = desk.roleChange.value;
  return (
    <div role="alert" class="doc-state">
      {change !== null && change.to !== 'none' && (
        <p class="notice" data-kind="role" data-up={isMore(change) ? '' : undefined}>
          {roleSentence(change)}
          <button type="button" class="small quiet" onClick={desk.dismissRoleChange}>
            Dismiss
          </button>
        </p>
      )}
      {why !== null && (
        <p class="notice" data-kind={state}>
          {why}
          {state === 'refused' && (
            <button type="button" class="small quiet" onClick={desk.discard}>
              Throw it away
            </button>
          )}
          {state === 'ended' && (
            <button type="button" class="small quiet" onClick={desk.retry}>
              Ask again
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function isMore({ from, to }: RoleChange): boolean {
  return ROLES.indexOf(to) > ROLES.indexOf(from);
}

function roleSentence({ from, to }: RoleChange): string {
  switch (to) {
    case 'write':
      return 'You may write in this document now.';
    case 'comment':
      return from === 'write'
        ? 'You may not write in this document any more. You still read it, and may comment.'
        : 'You may comment on this document now.';
    case 'read':
      return from === 'none'
        ? 'You may read this document now.'
        : `You may not ${from === 'write' ? 'write in' : 'comment on'} this document any more. You still read it, and see what others write.`;
    case 'none':
      return 'You are shut out of this document.';
  }
}
