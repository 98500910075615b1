/** The bell of Carillon. Its clapper strikes once whenever `strike` becomes another number. */
export function Mark({ strike = 0 }: { readonly strike?: number }) {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M3 5h26" />
      <g class="mark-bell" key={strike} data-struck={strike > 0 ? '' : undefined}>
        <path d="M16 5v3" />
        <path d="M7 24c2.6-2.2 3.2-5 3.2-8.6C10.2 11 12.6 8 16 8s5.8 3 5.8 7.4c0 3.6.6 6.4 3.2 8.6z" />
        <g class="mark-clapper">
          <path d="M16 24v3" />
          <circle cx="16" cy="28.2" r="1.3" />
        </g>
      </g>
    </svg>
  );
}
